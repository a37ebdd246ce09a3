# One image for every process: `docker run IMAGE serve --host 0.0.0.0`, `worker fast`, `worker bulk`, `scheduler`.
FROM python:3.12-slim-trixie AS build
WORKDIR /app
RUN python -m venv /venv
COPY requirements.lock ./
RUN /venv/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY pyproject.toml README.md api.py worker.py ./
COPY tieout tieout
COPY connectors connectors
COPY mapping mapping
COPY sync sync
RUN /venv/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.12-slim-trixie
# `tieout backup` and `restore` run pg_dump and pg_restore, which must not be older than the server of docker-compose.yml:
# Debian 13 (trixie) has 17. Another server version needs the Debian release that has its client.
RUN apt-get update \
    && apt-get install -y --no-install-recommends postgresql-client-17 \
    && rm -rf /var/lib/apt/lists/*
RUN useradd --create-home --uid 10001 tieout && install -d -o tieout -m 0700 /var/lib/tieout
COPY --from=build /venv /venv
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 TIEOUT_HOME=/var/lib/tieout TIEOUT_CONFIG=/etc/tieout/tieout.toml
USER tieout
WORKDIR /var/lib/tieout
VOLUME /var/lib/tieout
EXPOSE 8000
ENTRYPOINT ["tieout"]
CMD ["serve", "--host", "0.0.0.0"]
