/** The version of this package, as brokers see it. A test holds it against package.json. */
export const packageVersion = '0.1.0';
