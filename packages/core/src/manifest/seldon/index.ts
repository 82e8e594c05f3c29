/** The door of the room: what manifests of Seldon Core 2 say in our words. */
export { importSeldon, type PlainManifest, SELDON_API_VERSION, type SeldonImport } from './import-seldon.ts';
