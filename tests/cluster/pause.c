// What holds the namespaces of a pod, as the pause image does everywhere: the first process in
// them.

#include <signal.h>
#include <unistd.h>

static void end(int number)
{
    (void)number;
    _exit(0);
}

int main(void)
{
    signal(SIGINT, end);
    signal(SIGTERM, end);
    signal(SIGCHLD, SIG_IGN); // children that others left behind are not waited for
    for (;;) {
        pause();
    }
}
