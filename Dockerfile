FROM python:3.11-slim

ENV PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /app

COPY requirements.lock ./
RUN pip install --require-hashes -r requirements.lock

COPY pyproject.toml README.md ./
COPY producers ./producers
COPY config ./config
COPY db ./db
COPY worker ./worker
COPY consumers ./consumers
COPY ops ./ops
COPY sandbox ./sandbox
RUN pip install --no-deps --no-build-isolation ./producers .

RUN useradd --system --no-create-home mailsluice
USER mailsluice

# The process itself is PID 1, so that a SIGTERM reaches it and nothing is killed in the middle.
ENTRYPOINT ["mailsluice"]
CMD ["worker"]
