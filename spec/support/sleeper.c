/* A program that leaves the processor 101 times: a sleep may be over before it does. */
#include <sys/resource.h>
#include <unistd.h>

int main(void)
{
    struct rusage first, now;

    getrusage(RUSAGE_SELF, &first);
    do {
        usleep(500);
        getrusage(RUSAGE_SELF, &now);
    } while (now.ru_nvcsw < first.ru_nvcsw + 101);
    return 0;
}
