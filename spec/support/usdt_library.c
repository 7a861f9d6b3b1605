/* A library with the same probe as usdt_target.c, and one of its own; both fire at its end. */
#include <sys/sdt.h>

static void __attribute__((destructor)) leave(void)
{
    DTRACE_PROBE5(test, widths, 1, 2, 3, 4, "library");
    DTRACE_PROBE1(test, only_here, 1);
}
