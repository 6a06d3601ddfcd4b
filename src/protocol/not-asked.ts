/** What authorised operations are decoded as where nobody asked for them (KIP-430). */
export const NOT_ASKED = -(2 ** 31);
