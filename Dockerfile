# make image                          with docker, podman or buildah, whichever is here
# docker build --build-arg VERSION="$(sed -n 's/^VERSION := //p' Makefile)" \
#     --build-arg COMMIT="$(git rev-parse --short=12 HEAD)" -t sealway .
ARG BASE=debian:12-slim
FROM ${BASE} AS builder
WORKDIR /src
COPY tests/support/deps.sh tests/support/deps.sh
RUN tests/support/deps.sh build
COPY . .
ARG COMMIT=unknown
# What is stripped needs no -g.  No times: equal files make equal layers.
RUN make -j"$(nproc)" COMMIT="$COMMIT" CFLAGS=-O2 \
    && install -D -s build/sealway /out/usr/bin/sealway \
    && install -D -m 0644 LICENSE /out/usr/share/doc/sealway/copyright \
    && find /out -exec touch -d @0 {} + \
    && deploy/image/root.sh build/sealway /root-of-image

# Of Debian only what the program needs, in a layer of its own: it outlives most commits.
FROM scratch
COPY --from=builder /root-of-image /
COPY --from=builder /out /
ARG VERSION=unknown
ARG COMMIT=unknown
LABEL org.opencontainers.image.title="sealway" \
      org.opencontainers.image.description="TLS passthrough ingress controller for Kubernetes" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${COMMIT}"
# A number, so that runAsNonRoot can be checked; not one that a distribution gives out.
USER 64646:64646
EXPOSE 8443 10254
ENTRYPOINT ["/usr/bin/sealway"]
CMD ["serve"]
