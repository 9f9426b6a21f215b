/* SPDX-License-Identifier: BSD-2-Clause */
/* The QEMU process: its command line, its descriptors, its end. It dies with us: the parent-death signal is
 * set before it runs, and nothing of it has a name in the file system. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "platform/qtest/parts.h"

#define FIXED_ARGUMENTS  24u
#define CHILD_SOCKET     3
#define CHILD_MEMORY     4
#define DESCRIPTORS_LOW  10 /* ours are moved above those that the child gives new meanings */
#define STRINGIFY(x)     #x
#define DECIMAL(x)       STRINGIFY(x)
#define EXIT_CANNOT_EXEC 127

/* No default devices, no network beyond what the caller names, interpreted: never a hypervisor. */
static const char *const fixed[] = {
    "-nodefaults",
    "-no-user-config",
    "-display",
    "none",
    "-no-reboot",
    "-accel",
    "tcg",
    "-m",
    "64M",
    "-object",
    "memory-backend-file,id=ram,size=64M,share=on,mem-path=/proc/self/fd/" DECIMAL(CHILD_MEMORY),
    "-M",
    "pc,memory-backend=ram",
    "-chardev",
    "socket,id=qtest,fd=" DECIMAL(CHILD_SOCKET),
    "-object",
    "qtest,id=door,chardev=qtest,log=/dev/null",
};

static const char *fill_arguments(const struct platform_qtest_config *config, char **out, size_t room)
{
    size_t count = 0;
    out[count++] = (char *)(uintptr_t)config->qemu;
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
        out[count++] = (char *)(uintptr_t)fixed[i];
    out[count++] = (char *)(uintptr_t) "-kernel";
    out[count++] = (char *)(uintptr_t)config->kernel;
    for (const char *const *more = config->arguments; *more; more++) {
        if (count + 1 >= room)
            return "too many arguments for QEMU";
        out[count++] = (char *)(uintptr_t)*more;
    }
    out[count] = NULL;
    return NULL;
}

/* After fork: only calls that are safe there. */
static _Noreturn void become_qemu(char **arguments, int socket, int memory, pid_t parent)
{
    int nowhere = open("/dev/null", O_RDONLY);
    bool ready = prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent && nowhere >= 0 &&
                 dup2(nowhere, STDIN_FILENO) >= 0 && dup2(socket, CHILD_SOCKET) >= 0 &&
                 dup2(memory, CHILD_MEMORY) >= 0;
    if (ready)
        execvp(arguments[0], arguments);
    _exit(EXIT_CANNOT_EXEC);
}

/* The descriptor moved out of the way of the child's numbers, closed when something else is run. */
static int out_of_the_way(int fd)
{
    int moved = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, DESCRIPTORS_LOW);
    if (fd >= 0)
        close(fd);
    return moved;
}

static int make_memory(struct platform *p)
{
    int fd = out_of_the_way(memfd_create("capos-qtest", MFD_CLOEXEC));
    if (fd < 0)
        return -1;
    void *at = MAP_FAILED;
    if (ftruncate(fd, QTEST_MEMORY_BYTES) == 0)
        at = mmap(NULL, QTEST_MEMORY_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED) {
        close(fd);
        return -1;
    }
    p->memory = at;
    return fd;
}

const char *qtest_spawn(struct platform *p, const struct platform_qtest_config *config)
{
    char *arguments[FIXED_ARGUMENTS + QTEST_ARGUMENTS_MAX + 1];
    const struct timeval wait = {.tv_sec = QTEST_ANSWER_SECONDS_MAX};
    int ends[2];
    pid_t self = getpid();
    const char *why = fill_arguments(config, arguments, sizeof arguments / sizeof arguments[0]);
    if (why)
        return why;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return "no socket pair";
    p->socket = out_of_the_way(ends[0]);
    int child_socket = out_of_the_way(ends[1]);
    int memory = make_memory(p);
    bool ready = p->socket >= 0 && child_socket >= 0 && memory >= 0 &&
                 setsockopt(p->socket, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait) == 0 &&
                 setsockopt(p->socket, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait) == 0;
    fflush(NULL);
    p->pid = ready ? fork() : -1;
    if (p->pid == 0)
        become_qemu(arguments, child_socket, memory, self);
    if (child_socket >= 0)
        close(child_socket);
    if (memory >= 0)
        close(memory);
    return p->pid > 0 ? NULL : "QEMU could not be started";
}

bool qtest_ended(struct platform *p)
{
    pid_t seen = p->pid > 0 ? waitpid(p->pid, NULL, WNOHANG) : p->pid;
    if (seen == 0)
        return false;
    p->pid = -1; /* reaped: the number may be somebody else's from now on */
    return true;
}

void platform_qtest_close(struct platform *p)
{
    if (p->pid > 0 && !qtest_ended(p)) {
        kill(p->pid, SIGKILL);
        while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR) /* bounded: a killed process ends */
            continue;
    }
    p->pid = -1;
    if (p->socket >= 0)
        close(p->socket);
    p->socket = -1;
    if (p->memory)
        munmap(p->memory, QTEST_MEMORY_BYTES);
    p->memory = NULL;
}
