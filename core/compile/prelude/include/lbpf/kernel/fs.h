/* Files. */
#ifndef LBPF_KERNEL_FS_H
#define LBPF_KERNEL_FS_H

#define NAME_MAX 255
#define PATH_MAX 4096
#define ARG_MAX  131072
/* enum or macro, by kernel; the size of dentry.d_iname as BTF has it (d_shortname since Linux 6.13)
 */
#define DNAME_INLINE_LEN 40

#define S_IFMT      00170000
#define S_IFSOCK    0140000
#define S_IFLNK     0120000
#define S_IFREG     0100000
#define S_IFBLK     0060000
#define S_IFDIR     0040000
#define S_IFCHR     0020000
#define S_IFIFO     0010000
#define S_ISLNK(m)  (((m) & S_IFMT) == S_IFLNK)
#define S_ISREG(m)  (((m) & S_IFMT) == S_IFREG)
#define S_ISDIR(m)  (((m) & S_IFMT) == S_IFDIR)
#define S_ISCHR(m)  (((m) & S_IFMT) == S_IFCHR)
#define S_ISBLK(m)  (((m) & S_IFMT) == S_IFBLK)
#define S_ISFIFO(m) (((m) & S_IFMT) == S_IFIFO)
#define S_ISSOCK(m) (((m) & S_IFMT) == S_IFSOCK)

#define O_ACCMODE   00000003
#define O_RDONLY    00000000
#define O_WRONLY    00000001
#define O_RDWR      00000002
#define O_CREAT     00000100
#define O_EXCL      00000200
#define O_NOCTTY    00000400
#define O_TRUNC     00001000
#define O_APPEND    00002000
#define O_NONBLOCK  00004000
#define O_DSYNC     00010000
#define O_DIRECT    00040000
#define O_LARGEFILE 00100000
#define O_DIRECTORY 00200000
#define O_NOFOLLOW  00400000
#define O_NOATIME   01000000
#define O_CLOEXEC   02000000
#define __O_SYNC    04000000
#define O_SYNC      (__O_SYNC | O_DSYNC)
#define O_PATH      010000000
#define __O_TMPFILE 020000000
#define O_TMPFILE   (__O_TMPFILE | O_DIRECTORY)
#define AT_FDCWD    -100

#define FMODE_READ    0x1
#define FMODE_WRITE   0x2
#define FMODE_LSEEK   0x4
#define FMODE_EXEC    0x20
#define FMODE_CREATED 0x100000

#define MINORBITS           20
#define MINORMASK           ((1U << MINORBITS) - 1)
#define MAJOR(dev)          ((unsigned)((dev) >> MINORBITS))
#define MINOR(dev)          ((unsigned)((dev) & MINORMASK))
#define MKDEV(major, minor) (((major) << MINORBITS) | (minor))
#define new_encode_dev(dev) ((MINOR(dev) & 0xff) | (MAJOR(dev) << 8) | ((MINOR(dev) & ~0xff) << 12))

#define file_inode(file)        ((file)->f_inode)
#define d_inode(dentry)         ((dentry)->d_inode)
#define d_backing_inode(dentry) ((dentry)->d_inode)
#define real_mount(mnt)         container_of(mnt, struct mount, mnt)

#endif
