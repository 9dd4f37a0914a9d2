// Error numbers in strerror's words. Read when there is an error to tell.

import { type ErrnoName, errno } from "./errno.ts";

/** What glibc's strerror(3) says, in lower case, so that people find it where they look for it. */
export const errnoWords: Readonly<Record<ErrnoName, string>> = {
  EPERM: "operation not permitted",
  ENOENT: "no such file or directory",
  ESRCH: "no such process",
  EINTR: "interrupted system call",
  EIO: "input/output error",
  ENXIO: "no such device or address",
  E2BIG: "argument list too long",
  ENOEXEC: "exec format error",
  EBADF: "bad file descriptor",
  ECHILD: "no child processes",
  EAGAIN: "resource temporarily unavailable",
  ENOMEM: "cannot allocate memory",
  EACCES: "permission denied",
  EFAULT: "bad address",
  EBUSY: "device or resource busy",
  EEXIST: "file exists",
  EXDEV: "invalid cross-device link",
  ENODEV: "no such device",
  ENOTDIR: "not a directory",
  EISDIR: "is a directory",
  EINVAL: "invalid argument",
  ENFILE: "too many open files in system",
  EMFILE: "too many open files",
  ENOTTY: "inappropriate ioctl for device",
  ETXTBSY: "text file busy",
  EFBIG: "file too large",
  ENOSPC: "no space left on device",
  ESPIPE: "illegal seek",
  EROFS: "read-only file system",
  EMLINK: "too many links",
  EPIPE: "broken pipe",
  ENAMETOOLONG: "file name too long",
  ENOSYS: "function not implemented",
  ENOTEMPTY: "directory not empty",
  ELOOP: "too many levels of symbolic links",
  ENODATA: "no data available",
  ENOPKG: "package not installed",
  EBADMSG: "bad message",
  EOVERFLOW: "value too large for defined data type",
  ELIBBAD: "accessing a corrupted shared library",
  EILSEQ: "invalid or incomplete multibyte or wide character",
  EMSGSIZE: "message too long",
  EOPNOTSUPP: "operation not supported",
  EADDRNOTAVAIL: "cannot assign requested address",
  ENOTCONN: "transport endpoint is not connected",
  ETIMEDOUT: "connection timed out",
  ESTALE: "stale file handle",
  EUCLEAN: "structure needs cleaning",
  EREMOTEIO: "remote I/O error",
  EDQUOT: "disk quota exceeded",
  ENOKEY: "required key not available",
  EKEYEXPIRED: "key has expired",
  EKEYREVOKED: "key has been revoked",
  EKEYREJECTED: "key was rejected by service",
  EHWPOISON: "memory page has hardware error",
};

/** `-2` or `2` → `ENOENT (no such file or directory)`. */
export default function errnoText(result: number): string {
  const number = Math.abs(result);
  const name = (Object.keys(errno) as ErrnoName[]).find((known) => errno[known] === number);
  return name === undefined ? `error ${number}` : `${name} (${errnoWords[name]})`;
}
