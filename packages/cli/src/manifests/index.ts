/** The door of the room: manifests as they lie in files, with the lines to blame. */
export { withAbsoluteStorage } from './absolute-storage.ts';
export { DOCUMENTS_MAX, documentsOf, type LocalManifest, type PlainDocument } from './parse-source.ts';
export { inOrder, readAll, readManifests } from './read-manifests.ts';
export { MANIFEST_FILE_BYTES_MAX, MANIFEST_FILES_MAX } from './source-file.ts';
