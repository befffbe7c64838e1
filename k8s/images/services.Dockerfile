# The services: Ray Serve's head and workers, jobs, and the `tidegate` command. One image, several commands.
#   docker build -f k8s/images/services.Dockerfile -t tidegate/services:0.1.0 .
# Base images by digest: --build-arg PYTHON=python:3.11-slim-bookworm@sha256:…
ARG PYTHON=python:3.11-slim-bookworm

FROM ${PYTHON} AS build
WORKDIR /src
# Images begin with the same lines as far as they can, so that what one has installed is there for the next.
COPY requirements/uv.txt requirements/
RUN pip install --quiet --no-cache-dir --disable-pip-version-check --no-warn-conflicts --require-hashes --target /opt/tidegate/installer -r requirements/uv.txt
RUN /opt/tidegate/installer/bin/uv venv --quiet --python python3.11 /opt/tidegate/venv
COPY requirements/services.txt requirements/encoders.txt requirements/
RUN /opt/tidegate/installer/bin/uv pip install --quiet --no-cache --python /opt/tidegate/venv/bin/python --require-hashes -r requirements/services.txt
RUN /opt/tidegate/installer/bin/uv pip install --quiet --no-cache --python /opt/tidegate/venv/bin/python --require-hashes --no-deps -r requirements/encoders.txt
COPY pyproject.toml README.md LICENSE ./
COPY protos/gen protos/gen
COPY features features
COPY models models
COPY services services
RUN /opt/tidegate/installer/bin/uv pip install --quiet --no-cache --python /opt/tidegate/venv/bin/python --no-deps --no-build-isolation .
# Without what builds packages; bytecode is written once, since the root is read-only.
RUN /opt/tidegate/installer/bin/uv pip uninstall --quiet --python /opt/tidegate/venv/bin/python hatchling editables
RUN /opt/tidegate/venv/bin/python -m compileall -q -j 0 /opt/tidegate/venv/lib || true

FROM ${PYTHON}
RUN useradd --system --uid 10001 --user-group --no-create-home --home-dir /tmp --shell /usr/sbin/nologin tidegate
COPY --from=build /opt/tidegate/venv /opt/tidegate/venv
ENV PATH=/opt/tidegate/venv/bin:/usr/local/bin:/usr/bin:/bin \
    HOME=/tmp \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /tmp
ENTRYPOINT []
CMD ["tidegate", "--help"]
