// The bytes that JSON gives a meaning to (RFC 8259 §2).

/** `"`, where a string begins and ends. */
export const QUOTE = 0x22;
export const BACKSLASH = 0x5c;
export const COMMA = 0x2c;
export const COLON = 0x3a;
export const MINUS = 0x2d;
export const PLUS = 0x2b;
export const DOT = 0x2e;
export const ZERO = 0x30;
export const NINE = 0x39;
/** `[`, where an array begins. */
export const OPEN_ARRAY = 0x5b;
/** `]`, where an array ends. */
export const CLOSE_ARRAY = 0x5d;
/** `{`, where an object begins. */
export const OPEN_OBJECT = 0x7b;
/** `}`, where an object ends. */
export const CLOSE_OBJECT = 0x7d;
export const LETTER_E = 0x65;
export const LETTER_E_UPPER = 0x45;
export const LETTER_F = 0x66;
export const LETTER_I_UPPER = 0x49;
export const LETTER_N = 0x6e;
export const LETTER_N_UPPER = 0x4e;
export const LETTER_T = 0x74;
export const LETTER_U = 0x75;

/** Tells whether a number begins with `byte`. */
export const startsNumber = (byte: number): boolean => byte === MINUS || (byte >= ZERO && byte <= NINE);

/** Tells whether `true` or `false` begins with `byte`. */
export const startsBoolean = (byte: number): boolean => byte === LETTER_T || byte === LETTER_F;

/** What `space` returns past the last byte. */
export const END = -1;
