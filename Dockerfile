# The binary needs only glibc and libgcc, so the base image has no shell and no package manager.
ARG RUST=1.90
ARG BASE=gcr.io/distroless/cc-debian12:nonroot
ARG BASE_WITH_SHELL=gcr.io/distroless/cc-debian12:debug-nonroot
# Where the binary comes from: the stage that builds it, or an image that contains one under /out.
ARG BUILT=build

FROM rust:${RUST}-slim-bookworm AS build
WORKDIR /src
COPY . .
ARG REVISION=unknown
ENV GITHUB_STATS_REVISION=${REVISION}
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --bin github-stats \
    && install -D target/release/github-stats /out/usr/bin/github-stats \
    && install -d /out/var/lib/github-stats /out/backups

FROM ${BUILT} AS built

# The daily backup of Compose: the same binary, with a shell that runs the schedule.
FROM ${BASE_WITH_SHELL} AS backup
COPY --from=built --chown=0:0 /out/usr/bin/github-stats /usr/bin/github-stats
COPY --from=built --chown=65532:65532 /out/backups /backups
COPY --chmod=0555 deploy/compose/backup.sh /usr/bin/backup.sh
ENTRYPOINT ["/busybox/sh", "/usr/bin/backup.sh"]

FROM ${BASE}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="github-stats" \
      org.opencontainers.image.description="Contributor activity of whole GitHub organisations, served to Prometheus" \
      org.opencontainers.image.source="https://github.com/github-stats/github-stats" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=built --chown=0:0 /out/usr/bin/github-stats /usr/bin/github-stats
# The only writable directory. A new volume mounted here inherits its owner.
COPY --from=built --chown=65532:65532 /out/var/lib/github-stats /var/lib/github-stats
ENV GITHUB_STATS__STORE__PATH=/var/lib/github-stats
USER 65532:65532
WORKDIR /var/lib/github-stats
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 CMD ["/usr/bin/github-stats", "check", "--live"]
ENTRYPOINT ["/usr/bin/github-stats"]
CMD ["serve"]
