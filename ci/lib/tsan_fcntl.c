/* Preloaded where ThreadSanitizer runs: a descriptor that `fcntl` duplicates is one that `dup` did.
 *
 * ThreadSanitizer knows that what was done before `epoll_ctl` comes before what `epoll_wait` returns for it, by the
 * epoll's descriptor. It sees `dup` make another name for one, but not `fcntl` (LLVM's pull request 221064), and by
 * such a name mio registers. So it reports each registration of a tokio runtime as a race: a program of tokio alone,
 * two threads and sockets that are registered on one and woken on the other, has 12 reports without this and none
 * with it. Nothing is suppressed, so that races of ours below a wake of tokio's are still seen. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <unistd.h>

typedef int (*control)(int, int, ...);

static int with(int descriptor, int command, void *argument)
{
    control next = (control)dlsym(RTLD_NEXT, "fcntl");
    if (command != F_DUPFD_CLOEXEC)
        return next(descriptor, command, argument);
    /* The lowest number that the caller accepts is of no use here: 0 to 2 are taken. */
    int other = dup(descriptor);
    if (other >= 0)
        next(other, F_SETFD, FD_CLOEXEC);
    return other;
}

int fcntl(int descriptor, int command, ...)
{
    va_list rest;
    va_start(rest, command);
    void *argument = va_arg(rest, void *);
    va_end(rest);
    return with(descriptor, command, argument);
}

int fcntl64(int, int, ...) __attribute__((alias("fcntl")));
