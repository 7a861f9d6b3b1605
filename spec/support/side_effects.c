/*
 * Runs a Lua file in a state of its own, and tells what that has changed in the process: signal
 * handlers, mask, locale, working folder, umask, environment, streams, limits, timers, files,
 * threads. side_effects FILE
 */
#define _GNU_SOURCE
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include <dirent.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

extern char **environ;

enum { FACTS = 400, LENGTH = 4096, RESTORER = 0x04000000 /* libc's own business */ };

struct facts {
    int count;
    char *text[FACTS];
};

static void add(struct facts *facts, const char *format, ...)
{
    va_list arguments;
    char text[LENGTH];

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (facts->count < FACTS)
        facts->text[facts->count++] = strdup(text);
}

static void add_signals(struct facts *facts)
{
    struct sigaction action;
    sigset_t mask;

    sigprocmask(SIG_SETMASK, NULL, &mask);
    for (int i = 1; i < NSIG; i++)
        if (!sigaction(i, NULL, &action))
            add(facts, "signal %d: handler %p, flags %x, blocked %d", i,
                (void *)action.sa_sigaction, action.sa_flags & ~RESTORER, sigismember(&mask, i));
}

static void add_streams(struct facts *facts)
{
    for (int fd = 0; fd < 3; fd++) {
        struct stat status;

        fstat(fd, &status);
        add(facts, "stream %d: file %lu:%lu, flags %x, %x", fd, (unsigned long)status.st_dev,
            (unsigned long)status.st_ino, fcntl(fd, F_GETFL), fcntl(fd, F_GETFD));
    }
}

static void add_count(struct facts *facts, const char *path)
{
    DIR *folder = opendir(path);
    int count = 0;

    while (folder && readdir(folder))
        count++;
    if (folder)
        closedir(folder);
    add(facts, "%s: %d entries", path, count);
}

static void collect(struct facts *facts)
{
    char folder[LENGTH];
    struct itimerval timer;
    mode_t mask = umask(0);

    umask(mask);
    getitimer(ITIMER_REAL, &timer);
    add(facts, "umask %o", mask);
    add(facts, "folder %s", getcwd(folder, sizeof folder));
    add(facts, "locale %s", setlocale(LC_ALL, NULL));
    add(facts, "timer %ld", (long)timer.it_value.tv_sec);
    add(facts, "priority %d", getpriority(PRIO_PROCESS, 0));
    add_signals(facts);
    add_streams(facts);
    for (int i = 0; i < RLIM_NLIMITS; i++) {
        struct rlimit limit;

        getrlimit(i, &limit);
        add(facts, "limit %d: %lu %lu", i, (unsigned long)limit.rlim_cur,
            (unsigned long)limit.rlim_max);
    }
    for (char **entry = environ; *entry; entry++)
        add(facts, "environment %s", *entry);
    add_count(facts, "/proc/self/fd");
    add_count(facts, "/proc/self/task");
}

int main(int argc, char **argv)
{
    static struct facts before, after;
    lua_State *L;
    int differences = 0;

    if (argc != 2)
        return EXIT_FAILURE;
    setlocale(LC_ALL, "");
    collect(&before);
    L = luaL_newstate();
    luaL_openlibs(L);
    if (luaL_dofile(L, argv[1])) {
        fprintf(stderr, "%s\n", luaL_tolstring(L, -1, NULL));
        return EXIT_FAILURE;
    }
    lua_close(L);
    collect(&after);
    for (int i = 0; i < before.count || i < after.count; i++) {
        const char *a = i < before.count ? before.text[i] : "",
                   *b = i < after.count ? after.text[i] : "";

        if (strcmp(a, b)) {
            printf("before: %s\nafter:  %s\n", a, b);
            differences++;
        }
    }
    printf("%d facts, %d differences\n", before.count, differences);
    return 0;
}
