/* Tasks, signals, namespaces. */
#ifndef LBPF_KERNEL_SCHED_H
#define LBPF_KERNEL_SCHED_H

#define TASK_COMM_LEN        16
#define TASK_RUNNING         0x0
#define TASK_INTERRUPTIBLE   0x1
#define TASK_UNINTERRUPTIBLE 0x2
#define __TASK_STOPPED       0x4
#define __TASK_TRACED        0x8
#define TASK_PARKED          0x40
#define TASK_DEAD            0x80
#define TASK_WAKEKILL        0x100
#define TASK_WAKING          0x200
#define TASK_NOLOAD          0x400
#define TASK_NEW             0x800
#define TASK_KILLABLE        (TASK_WAKEKILL | TASK_UNINTERRUPTIBLE)
#define TASK_IDLE            (TASK_UNINTERRUPTIBLE | TASK_NOLOAD)
#define TASK_NORMAL          (TASK_INTERRUPTIBLE | TASK_UNINTERRUPTIBLE)
#define EXIT_DEAD            0x10
#define EXIT_ZOMBIE          0x20
#define PF_IDLE              0x2
#define PF_EXITING           0x4
#define PF_KTHREAD           0x200000
#define MAX_RT_PRIO          100
#define MAX_PRIO             140
#define DEFAULT_PRIO         120

#define SIGHUP  1
#define SIGINT  2
#define SIGQUIT 3
#define SIGILL  4
#define SIGTRAP 5
#define SIGABRT 6
#define SIGBUS  7
#define SIGFPE  8
#define SIGKILL 9
#define SIGUSR1 10
#define SIGSEGV 11
#define SIGUSR2 12
#define SIGPIPE 13
#define SIGALRM 14
#define SIGTERM 15
#define SIGCHLD 17
#define SIGCONT 18
#define SIGSTOP 19

#define CLONE_VM      0x100
#define CLONE_FS      0x200
#define CLONE_FILES   0x400
#define CLONE_THREAD  0x10000
#define CLONE_NEWNS   0x20000
#define CLONE_NEWUTS  0x4000000
#define CLONE_NEWIPC  0x8000000
#define CLONE_NEWUSER 0x10000000
#define CLONE_NEWPID  0x20000000
#define CLONE_NEWNET  0x40000000

#endif
