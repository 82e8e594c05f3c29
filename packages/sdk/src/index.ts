/** The door of the package: what a client of a mesh needs. The rooms have doors of their own: `@modelmesh/sdk/client`. */
export * from './client/index.ts';
