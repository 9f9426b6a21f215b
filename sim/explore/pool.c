/* SPDX-License-Identifier: BSD-2-Clause */
/* Processes and pipes. Owns its children; trusts what comes over a pipe to be written by this very program.
 */
#include "sim/explore/pool.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "abi/assert.h"
#include "sim/explore/breadth.h"
#include "sim/explore/counterexample.h"

#define TURN_MS    500
#define PATIENCE_S 20 /* after an interrupt, until a worker is killed */

/* Signals reach a process, not a pool: set by the handler only. */
static atomic_int interrupted;

static void on_signal(int number)
{
    (void)number;
    interrupted = 1;
}

struct message {
    bool last;
    uint64_t states;
    struct xp_outcome outcome;
};

struct worker {
    pid_t pid; /* 0: none */
    int pipe;
    size_t at; /* into `chosen` */
    uint64_t states;
};

struct pool {
    const struct xp_jobs *jobs;
    const size_t *chosen;
    const struct xp_options *options;
    struct xp_outcome *out;
    size_t count, next, ended;
    size_t *order; /* largest first */
    struct worker workers[XP_WORKERS_MAX];
    uint32_t worker_count;
    bool terminal;
};

enum xp_state xp_outcome_state(const struct xp_job *job, const struct xp_outcome *outcome)
{
    if (!outcome->finished)
        return outcome->started && outcome->died[0] ? XP_DIED : XP_CUT;
    if (outcome->result.violations > 0)
        return XP_BROKEN;
    if (outcome->result.closed)
        return XP_CLOSED;
    if (!job->bounded)
        return XP_CUT;
    return !outcome->result.cut || (job->states_max && strcmp(outcome->result.cut, "states") == 0)
               ? XP_BOUNDED
               : XP_CUT;
}

/* in the worker */

struct report_to {
    int pipe;
    time_t last;
};

static void send(int pipe, const struct message *m)
{
    _Static_assert(sizeof *m <= 4096, "written at once");
    ssize_t done;

    do
        done = write(pipe, m, sizeof *m);
    while (done < 0 && errno == EINTR);
    if (done != (ssize_t)sizeof *m)
        _exit(3);
}

static bool progress(void *ctx, uint64_t states, uint64_t transitions)
{
    struct report_to *to = ctx;
    const time_t now = time(NULL);

    (void)transitions;
    if (now != to->last) {
        const struct message m = {.states = states};

        to->last = now;
        send(to->pipe, &m);
    }
    return !interrupted;
}

static _Noreturn void work(const struct pool *p, const struct xp_job *job, int pipe, pid_t parent)
{
    struct report_to to = {pipe, time(NULL)};
    const struct xp_limits limits = {.memory_bytes = p->options->memory_bytes / p->worker_count,
                                     .states_max = job->states_max,
                                     .progress = progress,
                                     .progress_ctx = &to};
    struct message m = {.last = true};
    struct xp_world *w;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(3);
    xp_catch_faults();
    w = job->make ? job->make(job) : NULL;
    if (job->make && !w)
        m.outcome.result.cut = "memory";
    else if (job->run_it)
        job->run_it(job, &limits, &m.outcome.result);
    else if (job->levels)
        xp_breadth(w, job->levels, &limits, &m.outcome.result);
    else
        xp_search(w, &limits, &m.outcome.result);
    if (m.outcome.result.violations > 0 && w)
        xp_counterexample_make(job, w, p->options, &m.outcome.result, &m.outcome.found);
    m.outcome.started = m.outcome.finished = true;
    m.outcome.result.path = (struct xp_path){0};
    send(pipe, &m);
    _exit(0);
}

/* in the pool */

static bool start_one(struct pool *p, struct worker *worker)
{
    const size_t at = p->order[p->next];
    const pid_t self = getpid();
    int ends[2];

    fflush(NULL);
    if (pipe(ends) != 0)
        return false;
    worker->pid = fork();
    if (worker->pid == 0) {
        close(ends[0]);
        work(p, &p->jobs->list[p->chosen[at]], ends[1], self);
    }
    close(ends[1]);
    if (worker->pid < 0) {
        worker->pid = 0;
        close(ends[0]);
        return false;
    }
    p->next++;
    worker->pipe = ends[0];
    worker->at = at;
    worker->states = 0;
    p->out[at].started = true;
    return true;
}

/* The worker's end of the pipe is closed: it is over. */
static void bury(struct pool *p, struct worker *worker)
{
    struct xp_outcome *outcome = &p->out[worker->at];
    int status = 0;

    close(worker->pipe);
    while (waitpid(worker->pid, &status, 0) < 0 && errno == EINTR)
        ;
    worker->pid = 0;
    p->ended++;
    if (outcome->finished)
        return;
    if (WIFSIGNALED(status))
        snprintf(outcome->died, sizeof outcome->died, "its process was ended by signal %d (%s)",
                 WTERMSIG(status), strsignal(WTERMSIG(status)));
    else
        snprintf(outcome->died, sizeof outcome->died, "its process ended with status %d and no result",
                 WEXITSTATUS(status));
}

static void hear(struct pool *p, struct worker *worker)
{
    struct message m;
    const ssize_t got = read(worker->pipe, &m, sizeof m);

    if (got < 0 && errno == EINTR)
        return;
    if (got != (ssize_t)sizeof m) {
        bury(p, worker);
        return;
    }
    worker->states = m.states;
    if (m.last)
        p->out[worker->at] = m.outcome;
}

static void show(const struct pool *p)
{
    const struct worker *largest = NULL;

    if (!p->terminal)
        return;
    for (uint32_t i = 0; i < p->worker_count; i++) {
        if (p->workers[i].pid && (!largest || p->workers[i].states > largest->states))
            largest = &p->workers[i];
    }
    fprintf(stderr, "\r\033[K%zu of %zu jobs done", p->ended, p->count);
    if (largest)
        fprintf(stderr, "; %s: %.1f million states", p->jobs->list[p->chosen[largest->at]].name,
                (double)largest->states / 1e6);
    fflush(stderr);
}

static size_t at_work(const struct pool *p)
{
    size_t count = 0;

    for (uint32_t i = 0; i < p->worker_count; i++)
        count += p->workers[i].pid != 0;
    return count;
}

static void wait_for_one(struct pool *p)
{
    struct pollfd polled[XP_WORKERS_MAX];
    struct worker *who[XP_WORKERS_MAX];
    nfds_t count = 0;

    for (uint32_t i = 0; i < p->worker_count; i++) {
        if (!p->workers[i].pid)
            continue;
        who[count] = &p->workers[i];
        polled[count++] = (struct pollfd){.fd = p->workers[i].pipe, .events = POLLIN};
    }
    if (poll(polled, count, TURN_MS) <= 0)
        return;
    for (nfds_t i = 0; i < count; i++) {
        if (polled[i].revents)
            hear(p, who[i]);
    }
}

static void signal_all(const struct pool *p, int number)
{
    for (uint32_t i = 0; i < p->worker_count; i++) {
        if (p->workers[i].pid)
            kill(p->workers[i].pid, number);
    }
}

/* Ends what is under way in order; what does not end is killed. */
static void wind_up(struct pool *p)
{
    const time_t started = time(NULL);
    bool killed = false;

    signal_all(p, SIGTERM);
    while (at_work(p) > 0) {
        if (!killed && time(NULL) - started > PATIENCE_S) {
            signal_all(p, SIGKILL);
            killed = true;
        }
        wait_for_one(p);
    }
}

static bool order_by_weight(struct pool *p)
{
    p->order = calloc(p->count ? p->count : 1, sizeof *p->order);
    if (!p->order)
        return false;
    for (size_t i = 0; i < p->count; i++) { /* insertion keeps the order of equals */
        const uint32_t weight = p->jobs->list[p->chosen[i]].weight;
        size_t to = i;

        while (to > 0 && p->jobs->list[p->chosen[p->order[to - 1u]]].weight < weight) {
            p->order[to] = p->order[to - 1u];
            to--;
        }
        p->order[to] = i;
    }
    return true;
}

static void run_all(struct pool *p)
{
    while (!interrupted && (p->next < p->count || at_work(p) > 0)) {
        for (uint32_t i = 0; i < p->worker_count && p->next < p->count && !interrupted; i++) {
            if (!p->workers[i].pid && !start_one(p, &p->workers[i]))
                break;
        }
        if (at_work(p) == 0) {
            fprintf(stderr, "capos explore: no process can be started: %s\n", strerror(errno));
            return;
        }
        wait_for_one(p);
        show(p);
    }
}

bool xp_pool_run(const struct xp_jobs *jobs, const size_t *chosen, size_t count,
                 const struct xp_options *options, struct xp_outcome *out)
{
    const struct sigaction action = {.sa_handler = on_signal};
    struct pool p = {.jobs = jobs,
                     .chosen = chosen,
                     .count = count,
                     .options = options,
                     .out = out,
                     .worker_count = options->workers,
                     .terminal = isatty(STDERR_FILENO)};

    if (p.worker_count > count)
        p.worker_count = (uint32_t)count;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    if (!order_by_weight(&p)) {
        fprintf(stderr, "capos explore: no memory for %zu jobs\n", count);
        return true;
    }
    run_all(&p);
    if (interrupted)
        wind_up(&p);
    if (p.terminal)
        fputs("\r\033[K", stderr);
    free(p.order);
    return !interrupted;
}
