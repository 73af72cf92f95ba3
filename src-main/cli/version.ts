import packageJson from '../../package.json' with { type: 'json' }

export const ringwayVersion: string = packageJson.version
