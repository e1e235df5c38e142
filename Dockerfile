# Palate's images:
#   docker build -t palate:0.1.0 .                        the API
#   docker build -t palate:0.1.0-jobs --target jobs .     with the extras that embed, train and evaluate
#   docker build -t palate:0.1.0-dev --target dev .       with the tests
# To build the same again later, pin the base image by the digest that
# `docker buildx imagetools inspect python:3.11-slim-bookworm` prints:
#   docker build --build-arg PYTHON_IMAGE=python:3.11-slim-bookworm@sha256:... .
# Behind a mirror of PyPI: --build-arg PIP_INDEX_URL=...
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS build-api
ARG PIP_INDEX_URL
ENV PIP_NO_CACHE_DIR=1
WORKDIR /src
COPY pyproject.toml constraints.txt ./
COPY docker/install.sh docker/
RUN docker/install.sh dependencies /opt/palate api
COPY palate/ palate/
COPY llm/ llm/
COPY sql/ sql/
COPY ingest/ ingest/
COPY search/ search/
COPY rerank/ rerank/
COPY learn/ learn/
COPY evaluate/ evaluate/
COPY ask/ ask/
COPY serve/ serve/
COPY test_users/ test_users/
COPY samples/ samples/
COPY bench/ bench/
COPY README.md LICENSE ./
RUN docker/install.sh palate /opt/palate

FROM ${PYTHON_IMAGE} AS build-jobs
ARG PIP_INDEX_URL
# Where torch without CUDA is. Empty: PyPI's, which on Linux brings CUDA along, for nodes with a GPU.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ENV PIP_NO_CACHE_DIR=1
WORKDIR /src
COPY pyproject.toml constraints.txt ./
COPY docker/install.sh docker/
RUN docker/install.sh dependencies /opt/palate jobs
COPY palate/ palate/
COPY llm/ llm/
COPY sql/ sql/
COPY ingest/ ingest/
COPY search/ search/
COPY rerank/ rerank/
COPY learn/ learn/
COPY evaluate/ evaluate/
COPY ask/ ask/
COPY serve/ serve/
COPY test_users/ test_users/
COPY samples/ samples/
COPY bench/ bench/
COPY README.md LICENSE ./
RUN docker/install.sh palate /opt/palate

FROM ${PYTHON_IMAGE} AS runtime
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG CREATED=unknown
LABEL org.opencontainers.image.title="Palate" \
      org.opencontainers.image.description="Search results, to taste" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
RUN groupadd --gid 10001 palate \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin palate \
    && rm -rf /usr/local/lib/python3.*/site-packages/pip* /usr/local/bin/pip*
# Everything that is written goes to /tmp, so that the root file system may be read-only.
ENV PATH=/opt/palate/bin:$PATH \
    HOME=/tmp \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PALATE_DATA_DIR=/tmp/palate \
    PALATE_HOST=0.0.0.0 \
    PALATE_PORT=8080
WORKDIR /tmp
USER 10001:10001
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/healthz', timeout=4).close()"]
ENTRYPOINT ["palate"]
CMD ["serve"]

FROM runtime AS jobs
USER 0
# What lightgbm's and torch's threads run on.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build-jobs /opt/palate /opt/palate
USER 10001:10001
HEALTHCHECK NONE
CMD ["--help"]

FROM ${PYTHON_IMAGE} AS dev
ARG PIP_INDEX_URL
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ENV PIP_NO_CACHE_DIR=1
WORKDIR /src
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends git libgomp1 make \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --create-home palate \
    && chown palate /src
USER 10001
COPY --chown=10001 pyproject.toml constraints.txt ./
COPY --chown=10001 docker/install.sh docker/
RUN docker/install.sh dependencies .venv dev
COPY --chown=10001 . .
RUN make .venv/dev
CMD ["make", "test"]

# The last target is what `docker build .` makes.
FROM runtime AS api
COPY --from=build-api /opt/palate /opt/palate
