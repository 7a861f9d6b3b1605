/*
 * A program whose addresses are to be named. It prints "NAME ADDRESS" for its places and then
 * "ready". SIGUSR1 makes it load the library argv[1] and print its function "late", or for
 * FILE@OFFSET map 16 KB of that file and print where; SIGUSR2 makes it become the program argv[2].
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#define PLACE __attribute__((noinline, noclone, used))

PLACE static int hidden(int number)
{
    __asm__ volatile("" : "+r"(number));
    return number * 3;
}

PLACE int visible(int number)
{
    return hidden(number) + 1;
}

PLACE int cpp(void) __asm__("_ZN5outer5innerIiEEvRKi");
int cpp(void)
{
    return visible(5);
}

PLACE int rust(void) __asm__("_RNvNtCs1234_7mycrate3foo3bar");
int rust(void)
{
    return visible(7);
}

/* More lifetimes than could ever be counted. */
PLACE int endless(void) __asm__("_RNvXYFFFFFFFFFGFFFFFFYFFFFFFFFFFNvYF_");
int endless(void)
{
    return visible(11);
}

static volatile sig_atomic_t wanted;

static void want(int signal)
{
    wanted = signal;
}

static void say(const char *name, const void *address)
{
    printf("%s %lx\n", name, (unsigned long)address);
}

/* The first bytes of the stub that calls go through, where the compiler made one. */
static const unsigned char *stub_of_getppid(void)
{
    const unsigned char *call;

#if defined(__x86_64__)
    __asm__ volatile("leaq 1f(%%rip), %0\n jmp 2f\n1: call getppid@PLT\n2:" : "=r"(call));
#elif defined(__i386__)
    __asm__ volatile("call 3f\n3: pop %0\n add $1f - 3b, %0\n jmp 2f\n1: call getppid@PLT\n2:"
                     : "=r"(call));
#else
    return NULL;
#endif
    return call + 5 + *(const int *)(call + 1);
}

/* A part of an archive, as Android maps libraries. */
static void *map(char *path, char *offset)
{
    int file;

    *offset++ = '\0';
    file = open(path, O_RDONLY);
    return mmap(NULL, 16384, PROT_READ | PROT_EXEC, MAP_PRIVATE, file, atol(offset));
}

static void load(char *path)
{
    char *offset = strchr(path, '@');
    void *library;

    if (offset) {
        say("late", map(path, offset));
        return;
    }
    library = dlopen(path, RTLD_NOW);
    say("late", library ? dlsym(library, "late") : NULL);
}

int main(int argc, char **argv)
{
    sigset_t set, old;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGUSR2);
    sigprocmask(SIG_BLOCK, &set, &old);
    signal(SIGUSR1, want);
    signal(SIGUSR2, want);
    setvbuf(stdout, NULL, _IOLBF, 0);
    say("hidden", (void *)hidden);
    say("visible", (void *)visible);
    say("cpp", (void *)cpp);
    say("rust", (void *)rust);
    say("endless", (void *)endless);
    say("stub", stub_of_getppid());
    say("vdso", (void *)getauxval(AT_SYSINFO_EHDR));
    say("qsort", dlsym(RTLD_DEFAULT, "qsort"));
    say("jit", mmap(NULL, 65536, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    printf("ready\n");
    for (;;) {
        sigsuspend(&old);
        if (wanted == SIGUSR1)
            load(argc > 1 ? argv[1] : (char[]){""});
        else if (wanted == SIGUSR2)
            execl(argv[2], argv[2], argv[1], argv[2], NULL);
    }
}
