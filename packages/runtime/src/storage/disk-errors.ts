import { MeshError, toMeshError } from '@modelmesh/core';

/** Turns an error of the file system into a sentence about `path`; everything else goes through the funnel unchanged. */
export function diskError(thrown: unknown, path: string): MeshError {
  const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : '';
  const options = { cause: thrown };
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return new MeshError('not-found', `there is no file or folder ${path}`, options);
    case 'EACCES':
    case 'EPERM':
      return new MeshError('permission-denied', `${path} may not be read by this process`, options);
    case 'ENOSPC':
    case 'EDQUOT':
      return new MeshError('no-capacity', `the disk that holds ${path} is full`, options);
    case 'EROFS':
      return new MeshError('failed-precondition', `${path} is on a read-only file system`, options);
    case 'ENAMETOOLONG':
      return new MeshError('invalid-argument', `the path ${path.slice(0, 120)}… is too long for this system`, options);
    case 'EIO':
      return new MeshError('unavailable', `the disk that holds ${path} fails to read or write`, options);
    default:
      return toMeshError(thrown);
  }
}
