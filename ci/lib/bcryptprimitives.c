/* The one function of bcryptprimitives.dll that Rust's standard library wants, for Wine 8, which has no
 * such library. */
#include <stddef.h>

__declspec(dllimport) unsigned char __stdcall SystemFunction036(void *buffer, unsigned long octets);

__declspec(dllexport) int __stdcall ProcessPrng(unsigned char *buffer, size_t octets) {
    while (octets > 0) {
        unsigned long part = octets < 0x1000 ? (unsigned long)octets : 0x1000;
        if (!SystemFunction036(buffer, part)) {
            return 0;
        }
        buffer += part;
        octets -= part;
    }
    return 1;
}
