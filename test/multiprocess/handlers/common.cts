module.exports = async (message: { readonly offset: number }) => `common ${message.offset}`;
