// peer [ADDRESS] - a server on port 8080 that tells each client its own address, and the server's
// name; or, with an address, the client that asks there and prints the answer.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PORT = 8080 };

static int fail(const char *what)
{
    perror(what);
    return 1;
}

static void answer(int client, const struct sockaddr_in *from, const char *name)
{
    char text[INET_ADDRSTRLEN];
    inet_ntop(AF_INET, &from->sin_addr, text, sizeof(text));
    dprintf(client, "%s %s\n", text, name);
    close(client);
}

static int serve(int server)
{
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    char name[256] = "";
    gethostname(name, sizeof(name) - 1);
    if (bind(server, (struct sockaddr *)&own, sizeof(own)) < 0 || listen(server, 64) < 0) {
        return fail("bind");
    }
    for (;;) {
        struct sockaddr_in from;
        socklen_t size = sizeof(from);
        int client = accept(server, (struct sockaddr *)&from, &size);
        if (client >= 0) {
            answer(client, &from, name);
        }
    }
}

static int ask(int client, const char *address)
{
    struct sockaddr_in there = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    char text[512];
    if (inet_pton(AF_INET, address, &there.sin_addr) != 1 ||
        connect(client, (struct sockaddr *)&there, sizeof(there)) < 0) {
        return fail(address);
    }
    ssize_t size = recv(client, text, sizeof(text), MSG_WAITALL);
    return size > 0 && write(STDOUT_FILENO, text, (size_t)size) == size ? 0 : fail("recv");
}

int main(int argc, char **argv)
{
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0) {
        return fail("socket");
    }
    return argc > 1 ? ask(fd, argv[1]) : serve(fd);
}
