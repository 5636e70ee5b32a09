/*  What the C programs here are made of: each says what it has found, and ends.  */
#ifndef RINGMQ_CHECK_H
#define RINGMQ_CHECK_H

#include <stdio.h>
#include <stdlib.h>

#define CHECK(condition)                                                                          \
    do {                                                                                          \
        if (!(condition)) {                                                                       \
            fprintf (stderr, "%s:%d: %s; errno %d: %s\n", __FILE__, __LINE__, #condition,         \
                     zmq_errno (), zmq_strerror (zmq_errno ()));                                  \
            exit (1);                                                                             \
        }                                                                                         \
    } while (0)

#define FAILS(call, number)                                                                       \
    do {                                                                                          \
        errno = 0;                                                                                \
        CHECK ((call) == -1);                                                                     \
        CHECK (zmq_errno () == (number));                                                         \
    } while (0)

#endif
