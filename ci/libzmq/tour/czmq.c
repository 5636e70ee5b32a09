/*  czmq's own tests of its classes, which its library exports, each in a process of its own: on whichever
    libzmq.so.5 the loader finds.

        czmq [NAMES...]         all of them if none is named

    Prints a line for each, and fails if one has failed.  */
#include <czmq.h>

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define EACH(test)                                                                                \
    test (zactor) test (zarmour) test (zauth) test (zbeacon) test (zcert) test (zcertstore)       \
        test (zchunk) test (zclock) test (zconfig) test (zdigest) test (zdir) test (zfile)        \
            test (zframe) test (zgossip) test (zhash) test (zhashx) test (ziflist) test (zlist)   \
                test (zlistx) test (zloop) test (zmonitor) test (zmsg) test (zpoller)             \
                    test (zproxy) test (zrex) test (zsock) test (zstr) test (zsys) test (zuuid)

#define ENTRY(name) {#name, name##_test},

static const struct {
    const char *name;
    void (*test) (bool verbose);
} classes[] = {EACH (ENTRY)};

/*  A test that has not ended by then hangs.  */
enum { SECONDS = 60 };

static bool is_named (const char *name, int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (!strcmp (name, argv[i]))
            return true;
    return argc == 1;
}

int main (int argc, char **argv)
{
    int failed = 0;
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
        if (!is_named (classes[i].name, argc, argv))
            continue;
        fflush (stdout);
        pid_t child = fork ();
        if (child == 0) {
            alarm (SECONDS);
            classes[i].test (false);
            zsys_shutdown ();
            exit (0);
        }
        int status = 0;
        if (child < 0 || waitpid (child, &status, 0) != child || status != 0) {
            failed++;
            printf ("%s FAILED (status %#x)\n", classes[i].name, (unsigned) status);
        } else
            printf ("%s ok\n", classes[i].name);
    }
    printf ("%d failed\n", failed);
    return failed != 0;
}
