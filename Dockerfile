# syntax=docker/dockerfile:1
# Built once with link-time optimisation, shipped as one binary on a slim Debian, run by a user of its own.

# The release of rust-toolchain.toml.
FROM rust:1.95.0-slim-bookworm AS build
# OpenSSL and SQLite are compiled in: a C compiler, make and perl are all that they need.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends build-essential perl \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --locked --profile dist --package cedarkeep-cli \
 && install -D target/dist/cedarkeep /out/cedarkeep

FROM debian:bookworm-slim
RUN groupadd --system --gid 10001 cedarkeep \
 && useradd --system --uid 10001 --gid 10001 --home-dir /data --shell /usr/sbin/nologin cedarkeep \
 && install --directory --owner=10001 --group=10001 --mode=0700 /data
COPY --from=build /out/cedarkeep /usr/local/bin/cedarkeep
USER 10001:10001
ENV CEDARKEEP_LISTEN=0.0.0.0:8180 \
    CEDARKEEP_DATA_DIR=/data
VOLUME /data
EXPOSE 8180
# The shell's own TCP: the image needs no client just for this.
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
    CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8180 && printf 'GET /readyz HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n' >&3 && read -r _ status _ <&3 && [ \"$status\" = 200 ]"]
ENTRYPOINT ["cedarkeep"]
CMD ["serve"]
