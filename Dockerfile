# Untested: written on a machine without Docker; docs/operations.md says what was tested how.
FROM python:3.11-slim
RUN apt-get update && apt-get install -y --no-install-recommends make fonts-dejavu-core \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY . .
RUN make setup PYTHON=python3.11
ENV PATH=/app/.venv/bin:$PATH
RUN useradd --create-home oqiga && mkdir /data && chown oqiga /data
USER oqiga
ENTRYPOINT ["oqiga"]
