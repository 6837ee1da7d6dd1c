#include "adminaccess_priv.h"

#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/netaddr.h"

#define HOST_MAX 64 /* the longest address or localhost, and more */

bool adminaccess_is_loopback(int fd)
{
    struct sockaddr_storage sa;
    socklen_t len = sizeof(sa);
    struct netaddr peer;

    if (getpeername(fd, (struct sockaddr *)&sa, &len) != 0) {
        return false; /* gone already: nobody would see the page */
    }
    netaddr_from_sockaddr(&peer, (struct sockaddr *)&sa);
    return netaddr_is_loopback(&peer);
}

/* Cut ":port" off, which must be digits; whether what is left can be a host. */
static bool cut_port(char *host)
{
    char *colon = strrchr(host, ':');

    if (colon != NULL && strchr(colon, ']') == NULL) {
        if (colon[1 + strspn(colon + 1, "0123456789")] != '\0') {
            return false;
        }
        *colon = '\0';
    }
    return *host != '\0';
}

bool adminaccess_is_plain_host(const char *host)
{
    struct netaddr parsed;
    char text[HOST_MAX];
    size_t len = strlen(host);

    if (len >= sizeof(text)) {
        return false;
    }
    memcpy(text, host, len + 1);
    if (!cut_port(text)) {
        return false;
    }
    len = strlen(text);
    if (text[0] == '[' && text[len - 1] == ']') {
        text[len - 1] = '\0';
        return netaddr_parse_ip(text + 1, 0, &parsed) == 0 && strchr(text, ':') != NULL;
    }
    return strcasecmp(text, "localhost") == 0 || strcasecmp(text, "localhost.") == 0 ||
           (strchr(text, ':') == NULL && netaddr_parse_ip(text, 0, &parsed) == 0);
}
