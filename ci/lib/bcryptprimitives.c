/* The one function of bcryptprimitives.dll that Rust's standard library wants, for Wine 8, which has no
 * such library. */
#include <stddef.h>

__declspec(dllimport) unsigned char __stdcall SystemFunction036(void *buffer, unsigned long size);

__declspec(dllexport) int __stdcall ProcessPrng(unsigned char *buffer, size_t size) {
    while (size > 0) {
        unsigned long part = size < 0x1000 ? (unsigned long)size : 0x1000;
        if (!SystemFunction036(buffer, part)) {
            return 0;
        }
        buffer += part;
        size -= part;
    }
    return 1;
}
