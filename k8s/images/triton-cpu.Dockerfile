# Triton on CPU, for clusters without GPUs: the server that `tidegate up` runs, out of the wheel nvidia-pytriton, with its
# python backend. The models come from tidegate/models.
#   docker build -f k8s/images/triton-cpu.Dockerfile -t tidegate/triton-cpu:0.1.0 .
ARG PYTHON=python:3.11-slim-bookworm

FROM ${PYTHON} AS build
WORKDIR /src
COPY requirements/uv.txt requirements/
RUN pip install --quiet --no-cache-dir --disable-pip-version-check --no-warn-conflicts --require-hashes --target /opt/tidegate/installer -r requirements/uv.txt
RUN /opt/tidegate/installer/bin/uv venv --quiet --python python3.11 /opt/tidegate/triton
COPY requirements/triton.txt requirements/
RUN /opt/tidegate/installer/bin/uv pip install --quiet --no-cache --python /opt/tidegate/triton/bin/python --require-hashes -r requirements/triton.txt
COPY models/tidegate/models/__init__.py models/tidegate/models/__init__.py
COPY models/tidegate/models/runtime models/tidegate/models/runtime
COPY k8s/images/assemble_triton.py assemble_triton.py
RUN PYTHONPATH=models python assemble_triton.py /opt/tidegate/triton /opt/tidegate/backends

FROM ${PYTHON}
RUN useradd --system --uid 10001 --user-group --no-create-home --home-dir /tmp --shell /usr/sbin/nologin tidegate
COPY --from=build /opt/tidegate/triton /opt/tidegate/triton
COPY --from=build /opt/tidegate/backends /opt/tidegate/backends
# As tidegate.models.runtime.command.server_environment has it.
ENV PATH=/opt/tidegate/triton/bin:/usr/local/bin:/usr/bin:/bin \
    LD_LIBRARY_PATH=/opt/tidegate/triton/lib/python3.11/site-packages/nvidia_pytriton.libs:/usr/local/lib \
    PYTHONPATH=/opt/tidegate/triton/lib/python3.11/site-packages \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    OMP_NUM_THREADS=1 \
    HOME=/tmp
USER 10001:10001
WORKDIR /tmp
ENTRYPOINT ["/opt/tidegate/triton/lib/python3.11/site-packages/pytriton/tritonserver/bin/tritonserver"]
