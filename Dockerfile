# syntax=docker/dockerfile:1
# The gateway in a small image. Wants nothing but a Postgres.
#   docker build -t smsgw .
#   docker build -t smsgw --build-arg FEATURES=otlp .     # with traces
#   docker build -t smsgw --build-arg TRAINED=yes .       # a tenth less processor time, for half an hour
ARG RUST=1.95
ARG DEBIAN=bookworm

FROM rust:${RUST}-slim-${DEBIAN} AS build
# Features of the program beside the usual, for example otlp.
ARG FEATURES=""
# Anything but empty: built by bench/train, which sends texts through a Postgres of its own.
ARG TRAINED=""
WORKDIR /src
COPY . .
# What is compiled stays in the builder's cache; the program alone leaves it.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    if [ -n "$TRAINED" ]; then \
        apt-get update && apt-get install --yes --no-install-recommends postgresql \
        && bench/train --features "$FEATURES" && cp target/trained/smsgw /smsgw; \
    else \
        cargo build --release --locked --package smsgw --bin smsgw --features "$FEATURES" \
        && cp target/release/smsgw /smsgw; \
    fi

FROM debian:${DEBIAN}-slim AS run
# Providers' certificates are checked against the system's store.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /smsgw /usr/local/bin/smsgw
# An id without a name, without a home, that owns nothing.
USER 10001:10001
EXPOSE 8080 9100
STOPSIGNAL SIGTERM
# Asks the address that the process itself was told to listen on.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["smsgw", "healthcheck"]
ENTRYPOINT ["smsgw"]
CMD ["serve"]
