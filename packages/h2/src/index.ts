/** The package's own door is empty: each room has one, `@modelmesh/h2/<room>`. */
export {};
