#include "support/http_ask.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define LIMIT_S 20

static int dial(const struct netaddr *to)
{
    const struct timeval limit = {.tv_sec = LIMIT_S};
    struct sockaddr_storage sa;
    socklen_t len = netaddr_to_sockaddr(to, &sa);
    int fd = socket(to->family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0) {
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    if (connect(fd, (const struct sockaddr *)&sa, len) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* Everything up to the end, however it comes. */
static char *read_all(int fd, size_t *len_out)
{
    char *text = NULL, chunk[65536];
    FILE *f = open_memstream(&text, len_out);
    ssize_t n;

    if (f == NULL) {
        abort();
    }
    while (fd >= 0 && (n = recv(fd, chunk, sizeof(chunk), 0)) > 0) {
        fwrite(chunk, 1, (size_t)n, f);
    }
    fclose(f);
    return text;
}

void http_ask(const struct netaddr *to, const char *method, const char *target,
              struct http_answer *out)
{
    int fd = dial(to);
    const char *end;
    size_t len;

    *out = (struct http_answer){0};
    if (fd >= 0) {
        dprintf(fd, "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", method,
                target);
    }
    out->text = read_all(fd, &len);
    if (fd >= 0) {
        close(fd);
    }
    end = strstr(out->text, "\r\n\r\n");
    out->body = end != NULL ? end + 4 : out->text + len;
    out->body_len = (size_t)(out->text + len - out->body);
    if (end != NULL && strncmp(out->text, "HTTP/1.", 7) == 0) {
        out->status = (int)strtol(out->text + strlen("HTTP/1.1 "), NULL, 10);
    }
}

void http_answer_fini(struct http_answer *a)
{
    free(a->text);
    *a = (struct http_answer){0};
}

int http_status(const struct netaddr *to, const char *target)
{
    struct http_answer a;
    int status;

    http_ask(to, "GET", target, &a);
    status = a.status;
    http_answer_fini(&a);
    return status;
}

static bool says(const struct netaddr *to, const char *target, int status, const char *words,
                 bool loud)
{
    struct http_answer a;
    bool yes;

    http_ask(to, "GET", target, &a);
    yes = a.status == status && strstr(a.body, words) != NULL;
    if (!yes && loud) {
        fprintf(stderr, "%s: wanted %d with: %s\ngot: %.2000s\n", target, status, words, a.text);
    }
    http_answer_fini(&a);
    return yes;
}

bool http_says(const struct netaddr *to, const char *target, int status, const char *words)
{
    return says(to, target, status, words, true);
}

bool http_says_yet(const struct netaddr *to, const char *target, int status, const char *words)
{
    return says(to, target, status, words, false);
}
