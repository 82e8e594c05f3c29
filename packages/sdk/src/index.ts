/** The door of the package: what a client of a mesh and the author of a plug-in need. The rooms have doors of their own: `@modelmesh/sdk/client`. */
export * from './client/index.ts';
export * from './comparer/index.ts';
export * from './strategy/index.ts';
