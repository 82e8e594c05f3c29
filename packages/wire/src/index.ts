/** The package has no door of its own: each room has one, for instance `@modelmesh/wire/status`. */
export {};
