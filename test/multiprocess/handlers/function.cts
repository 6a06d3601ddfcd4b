let prefix = 'no setup';
const handle = async (message: { readonly offset: number }) => `${prefix} ${message.offset}`;
module.exports = Object.assign(handle, {
  setup: () => {
    prefix = 'set up';
  },
});
