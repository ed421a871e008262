/** The account all specs use, and the name of the server that the installation watches by itself. */
export const OWNER = {
  username: process.env.CHATOPS_E2E_USERNAME ?? 'e2e-owner',
  password: process.env.CHATOPS_E2E_PASSWORD ?? 'quiet river under seven bridges',
}

export const STORAGE = 'test-results/.auth/owner.json'
