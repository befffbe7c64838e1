# Triton on GPUs: NVIDIA's image of the same server version (2.51) that is measured on CPU, as a user that is not root. Not
# built here: there is no GPU and no Docker (k8s/README.md).
#   docker build -f k8s/images/triton-gpu.Dockerfile -t tidegate/triton-gpu:0.1.0 .
ARG TRITON=nvcr.io/nvidia/tritonserver:24.10-py3

FROM ${TRITON}
RUN useradd --system --uid 10001 --user-group --no-create-home --home-dir /tmp --shell /usr/sbin/nologin tidegate
ENV HOME=/tmp
USER 10001:10001
WORKDIR /tmp
ENTRYPOINT ["/opt/tritonserver/bin/tritonserver"]
