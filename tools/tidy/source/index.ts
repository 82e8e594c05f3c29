/** The door: the repository as files, tokens, imports, exports and functions. */
export { type Declaration, declarationsOf, type Exported, exportsOf } from './declarations.ts';
export { type FunctionSpan, functionsOf } from './functions.ts';
export { type Import, importsOf, type PassedName, resolved } from './imports.ts';
export { type Manifest, Repository, readRepository, SourceFile } from './repository.ts';
export { type Comment, type Scan, scan, type Token } from './scan.ts';
