/*  How long a shared library takes to load, and a context of libzmq's to come and go, in a process that has done
    neither yet:

        load LIBRARY

    Prints the microseconds of dlopen, those of what the library depends on among them, and of zmq_ctx_new with
    zmq_ctx_term.  */
#include <dlfcn.h>
#include <stdio.h>
#include <time.h>

static double now_us (void)
{
    struct timespec now;
    clock_gettime (CLOCK_MONOTONIC, &now);
    return (double) now.tv_sec * 1e6 + (double) now.tv_nsec / 1e3;
}

int main (int argc, char **argv)
{
    if (argc != 2) {
        fprintf (stderr, "usage: load LIBRARY\n");
        return 2;
    }
    double start = now_us ();
    void *library = dlopen (argv[1], RTLD_NOW);
    double loaded = now_us () - start;
    if (!library) {
        fprintf (stderr, "load: %s\n", dlerror ());
        return 1;
    }
    /*  Data and functions have no pointers in common in standard C; dlsym is how POSIX has it.  */
    void *(*new) (void);
    int (*term) (void *);
    *(void **) &new = dlsym (library, "zmq_ctx_new");
    *(void **) &term = dlsym (library, "zmq_ctx_term");
    if (!new || !term) {
        fprintf (stderr, "load: %s is not libzmq\n", argv[1]);
        return 1;
    }
    start = now_us ();
    void *context = new ();
    if (!context || term (context) != 0) {
        fprintf (stderr, "load: no context comes and goes\n");
        return 1;
    }
    printf ("%.1f %.1f\n", loaded, now_us () - start);
    return 0;
}
