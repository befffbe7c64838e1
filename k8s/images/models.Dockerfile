# The model repositories that Triton serves, for the CPU and the GPU profile, with a sum of every file. Nothing runs in it but
# the shell that copies them into a pod.
#   docker build -f k8s/images/models.Dockerfile -t tidegate/models:0.1.0 .
ARG PYTHON=python:3.11-slim-bookworm
ARG BUSYBOX=busybox:1.37-musl

FROM ${PYTHON} AS build
WORKDIR /src
# As the image of the services begins, whose layers are there for this one.
COPY requirements/uv.txt requirements/
RUN pip install --quiet --no-cache-dir --disable-pip-version-check --no-warn-conflicts --require-hashes --target /opt/tidegate/installer -r requirements/uv.txt
RUN /opt/tidegate/installer/bin/uv venv --quiet --python python3.11 /opt/tidegate/venv
COPY requirements/services.txt requirements/encoders.txt requirements/
RUN /opt/tidegate/installer/bin/uv pip install --quiet --no-cache --python /opt/tidegate/venv/bin/python --require-hashes -r requirements/services.txt
RUN /opt/tidegate/installer/bin/uv pip install --quiet --no-cache --python /opt/tidegate/venv/bin/python --require-hashes --no-deps -r requirements/encoders.txt
COPY requirements/triton.txt requirements/
COPY models models
ENV PYTHONPATH=/src/models
# The CPU profile's repository is made beside Triton's own environment, which is not kept.
RUN PATH=/opt/tidegate/installer/bin:$PATH /opt/tidegate/venv/bin/python -m tidegate.models.runtime --root /src prepare --profile cpu
RUN PATH=/opt/tidegate/installer/bin:$PATH /opt/tidegate/venv/bin/python -m tidegate.models.runtime --root /src prepare --profile gpu
RUN mkdir /models && cp -r build/models/repository/cpu build/models/repository/gpu /models/
RUN for profile in cpu gpu; do cd /models/$profile && find . -type f ! -name SHA256SUMS -exec sha256sum {} + | sort -k 2 > SHA256SUMS || exit 1; done

FROM ${BUSYBOX}
COPY --from=build --chmod=0555 /models /models
USER 10001:10001
