/* A kernel that refuses: lets system calls of the server fail as a test says in a file that it maps: one struct a call. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

struct order {
    char call[24];
    int error; /* 0: it works */
    int of;    /* every so many'th call fails */
    int seen;
    int failed;
};
enum { ORDERS = 16 };
static struct order *orders;

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("REFUSE");
    unsetenv("LD_PRELOAD"); /* the server's commands are not refused anything */
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *at = fd < 0 ? MAP_FAILED : mmap(0, ORDERS * sizeof *orders, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    orders = at == MAP_FAILED ? 0 : at;
    if (fd >= 0)
        close(fd);
}

static int refused(const char *call)
{
    for (int at = 0; orders && at < ORDERS; at++) {
        struct order *it = orders + at;
        if (it->error && !strcmp(it->call, call) && ++it->seen % it->of == 0) {
            it->failed++;
            errno = it->error;
            return 1;
        }
    }
    return 0;
}

#define REAL(result, name, ...) static result (*real)(__VA_ARGS__); if (!real) real = dlsym(RTLD_NEXT, name)

static int is_netlink(int fd)
{
    int domain = 0;
    socklen_t size = sizeof domain;
    return !getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) && domain == AF_NETLINK;
}

ssize_t send(int fd, const void *data, size_t size, int flags)
{
    REAL(ssize_t, "send", int, const void *, size_t, int);
    if (refused(is_netlink(fd) ? "netlink send" : "send"))
        return -1;
    return real(fd, data, size, flags);
}

ssize_t recv(int fd, void *data, size_t size, int flags)
{
    REAL(ssize_t, "recv", int, void *, size_t, int);
    if (refused(is_netlink(fd) ? "netlink recv" : "recv"))
        return -1;
    ssize_t got = real(fd, data, size, flags);
    if (got >= 20 && is_netlink(fd) && ((unsigned short *)data)[2] == 2 && refused("netlink answer"))
        ((int *)data)[4] = -errno; /* NLMSG_ERROR: an acknowledgement becomes a refusal, though it was done */
    return got;
}

int accept4(int fd, struct sockaddr *who, socklen_t *size, int flags)
{
    REAL(int, "accept4", int, struct sockaddr *, socklen_t *, int);
    return refused("accept") ? -1 : real(fd, who, size, flags);
}

ssize_t read(int fd, void *data, size_t size)
{
    REAL(ssize_t, "read", int, void *, size_t);
    return refused("read") ? -1 : real(fd, data, size);
}

ssize_t pread64(int fd, void *data, size_t size, off64_t at)
{
    REAL(ssize_t, "pread64", int, void *, size_t, off64_t);
    return refused("pread") ? -1 : real(fd, data, size, at);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at)
{
    REAL(ssize_t, "pwrite64", int, const void *, size_t, off64_t);
    return refused("pwrite") ? -1 : real(fd, data, size, at);
}

ssize_t write(int fd, const void *data, size_t size)
{
    REAL(ssize_t, "write", int, const void *, size_t);
    return refused("write") ? -1 : real(fd, data, size);
}

int fsync(int fd)
{
    REAL(int, "fsync", int);
    return refused("fsync") ? -1 : real(fd);
}

int fdatasync(int fd)
{
    REAL(int, "fdatasync", int);
    return refused("fsync") ? -1 : real(fd);
}

int inotify_add_watch(int fd, const char *path, unsigned mask)
{
    REAL(int, "inotify_add_watch", int, const char *, unsigned);
    return refused("inotify") ? -1 : real(fd, path, mask);
}

int open64(const char *path, int flags, ...)
{
    REAL(int, "open64", const char *, int, ...);
    va_list rest;
    va_start(rest, flags);
    int mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, int) : 0;
    va_end(rest);
    return refused("open") ? -1 : real(path, flags, mode);
}

int posix_spawnp(pid_t *pid, const char *program, const posix_spawn_file_actions_t *actions,
                 const posix_spawnattr_t *attributes, char *const words[], char *const environment[])
{
    REAL(int, "posix_spawnp", pid_t *, const char *, const posix_spawn_file_actions_t *, const posix_spawnattr_t *,
         char *const *, char *const *);
    return refused("spawn") ? errno : real(pid, program, actions, attributes, words, environment);
}
