# mcp-memory over HTTP, on port 61001, with its database in /data. docs/operations.md says how to run it.

ARG PYTHON_VERSION=3.12

FROM python:${PYTHON_VERSION}-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
COPY pyproject.toml README.md LICENSE constraints.txt ./
COPY mcp_memory mcp_memory
RUN pip wheel --no-deps --wheel-dir dist .
RUN python -m venv /opt/mcp-memory \
    && /opt/mcp-memory/bin/pip install --constraint constraints.txt "$(ls dist/*.whl)[metrics]"

FROM python:${PYTHON_VERSION}-slim
LABEL org.opencontainers.image.title="mcp-memory" \
      org.opencontainers.image.description="Long-term memory for AI agents: MCP and REST over one SQLite file." \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN groupadd --gid 10001 mcp-memory \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin mcp-memory \
    && install --directory --mode 0700 --owner 10001 --group 10001 /data
COPY --from=build /opt/mcp-memory /opt/mcp-memory
ENV PATH=/opt/mcp-memory/bin:$PATH \
    MCP_MEMORY_DATA_DIR=/data \
    MCP_MEMORY_WORKSPACE=_default
USER 10001:10001
WORKDIR /data
VOLUME ["/data"]
EXPOSE 61001
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s --retries=3 \
    CMD ["python", "-c", "import http.client, os; c = http.client.HTTPConnection('127.0.0.1', int(os.environ.get('MCP_MEMORY_HTTP_PORT', '61001')), timeout=4); c.request('GET', '/health'); raise SystemExit(c.getresponse().status != 200)"]
ENTRYPOINT ["mcp-memory"]
CMD ["serve", "--host", "0.0.0.0"]
