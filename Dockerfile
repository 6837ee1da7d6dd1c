# docker build --build-arg COMMIT=$(git rev-parse --short=12 HEAD) -t sealway .
FROM debian:12-slim AS builder
WORKDIR /src
COPY tests/support/deps.sh tests/support/deps.sh
RUN tests/support/deps.sh build
COPY . .
ARG COMMIT=unknown
RUN make COMMIT="$COMMIT" && make COMMIT="$COMMIT" install DESTDIR=/out PREFIX=/usr

FROM debian:12-slim
RUN apt-get update -qq \
    && apt-get install -y -qq --no-install-recommends \
        libevent-core-2.1-7 libcurl4 libcjson1 libssl3 libyaml-0-2 \
    && rm -rf /var/lib/apt/lists/*
COPY --from=builder /out/usr/bin/sealway /usr/bin/sealway
# A number, so that runAsNonRoot can be checked; not one that a distribution gives out.
USER 64646:64646
EXPOSE 8443
ENTRYPOINT ["/usr/bin/sealway"]
CMD ["--help"]
