# Three stages: the console and GraphiQL by Node.js, the server by Rust, and a small image that has the server alone.

FROM node:20-bookworm-slim AS web
WORKDIR /build/web
COPY schema.graphql /build/
COPY web/package.json web/package-lock.json ./
COPY web/packages packages
RUN npm ci --no-audit --no-fund
COPY web ./
RUN npm run build

FROM rust:1.95-bookworm AS server
# The SIMD code of the JPEG decoder is assembled.
RUN apt-get update \
    && apt-get install -y --no-install-recommends nasm \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY Cargo.toml Cargo.lock ./
COPY migration migration
COPY bench/imaging bench/imaging
COPY bench/peers/bare bench/peers/bare
COPY bench/peers/broadcast bench/peers/broadcast
COPY src src
COPY schema.graphql ./
COPY --from=web /build/web/dist web/dist
# Kept between builds: only what changed is compiled again.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/build/target \
    cargo build --release --locked --package darkroom \
    && install --strip target/release/darkroom /usr/local/bin/darkroom

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --user-group --home-dir /data --create-home darkroom
COPY --from=server /usr/local/bin/darkroom /usr/local/bin/darkroom
USER darkroom
WORKDIR /data
# What is kept where no database and no S3 elsewhere are configured.
VOLUME /data
ENV BIND=0.0.0.0:8000 DATA_DIR=/data
EXPOSE 8000
# Ready is more than alive: the database and the storage answer too. bash speaks TCP, so nothing else is installed.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=6 \
    CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8000 && printf 'GET /readyz HTTP/1.0\\r\\n\\r\\n' >&3 && head -n 1 <&3 | grep -q ' 200 '"]
ENTRYPOINT ["darkroom"]
CMD ["serve"]
