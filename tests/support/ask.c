#include "support/ask.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "support/hello_builder.h"

static enum ask_end end_of(int error)
{
    return error == ECONNREFUSED ? ASK_REFUSED : error == EAGAIN ? ASK_TIMEOUT : ASK_RESET;
}

static int dial(const struct netaddr *to)
{
    const struct timeval limit = {.tv_sec = 10};
    struct sockaddr_storage sa;
    socklen_t len = netaddr_to_sockaddr(to, &sa);
    int fd = socket(to->family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int error;

    if (fd < 0) {
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    if (connect(fd, (const struct sockaddr *)&sa, len) == 0) {
        return fd;
    }
    error = errno;
    close(fd);
    errno = error;
    return -1;
}

static void receive(int fd, struct ask_answer *out)
{
    char bytes[4096];
    ssize_t n;

    while ((n = recv(fd, bytes, sizeof(bytes), 0)) > 0) {
        size_t room = sizeof(out->bytes) - 1 - out->len;
        size_t take = (size_t)n < room ? (size_t)n : room;

        memcpy(out->bytes + out->len, bytes, take);
        out->len += take;
    }
    out->end = n == 0 ? ASK_FIN : end_of(errno);
}

/* An answer may come before all was sent (a refusal), so a failed send is no verdict. */
static void ask(const struct netaddr *to, const void *bytes, size_t len, bool half_close,
                struct ask_answer *out)
{
    int fd = dial(to);

    memset(out, 0, sizeof(*out));
    if (fd < 0) {
        out->end = end_of(errno);
        return;
    }
    (void)send(fd, bytes, len, MSG_NOSIGNAL);
    if (half_close) {
        shutdown(fd, SHUT_WR);
    }
    receive(fd, out);
    close(fd);
}

void ask_bytes(const struct netaddr *to, const void *bytes, size_t len, struct ask_answer *out)
{
    ask(to, bytes, len, true, out);
}

void ask_bytes_open(const struct netaddr *to, const void *bytes, size_t len, struct ask_answer *out)
{
    ask(to, bytes, len, false, out);
}

static size_t ask_for(const struct netaddr *to, const char *name, struct ask_answer *out)
{
    struct hello_bytes hello = {0};
    size_t len;

    hello_simple(&hello, name, NULL);
    len = hello.len;
    ask_bytes(to, hello.data, hello.len, out);
    hello_bytes_free(&hello);
    return len;
}

void ask_name(const struct netaddr *to, const char *name, struct ask_answer *out)
{
    (void)ask_for(to, name, out);
}

bool ask_is_alert(const struct ask_answer *a, int description)
{
    const char want[7] = {0x15, 3, 3, 0, 2, 2, (char)description};

    return a->end == ASK_FIN && a->len == sizeof(want) && memcmp(a->bytes, want, sizeof(want)) == 0;
}

bool ask_is_from(const struct ask_answer *a, const char *name, size_t len)
{
    char want[128];

    snprintf(want, sizeof(want), "%s %zu\n", name, len);
    return a->end == ASK_FIN && strcmp(a->bytes, want) == 0;
}

bool ask_reaches(const struct netaddr *to, const char *name, const char *from)
{
    struct ask_answer answer;
    size_t len = ask_for(to, name, &answer);

    return ask_is_from(&answer, from, len);
}
