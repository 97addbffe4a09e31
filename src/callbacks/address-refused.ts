/** A webhook was to go where none may go; says no more than the host that it named. */
export class AddressRefused extends Error {
  override readonly name = 'AddressRefused';
  readonly code = 'address_refused';

  constructor(host: string) {
    super(`${host} is not on the internet, nor in WEBHOOK_ALLOWED_HOSTS`);
  }
}
