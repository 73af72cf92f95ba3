/** Peers to try first at the next start, on SQLite: `connectivity/bootstrapCache` (RFC 6940 §11.4). */
import { bootstrapCacheSize, type BootstrapCache } from '../connectivity/bootstrapCache.ts'
import type { SocketAddress } from '../ports/secureStream.ts'
import type { Database } from './database.ts'

export class SqliteBootstrapCache implements BootstrapCache {
  private readonly statements

  constructor(private readonly database: Database) {
    this.statements = {
      list: database.prepare<SocketAddress>('SELECT host, port FROM bootstrap_peer WHERE overlay_name = ? ORDER BY last_seen DESC, host, port LIMIT ?'),
      put: database.prepare('INSERT OR REPLACE INTO bootstrap_peer VALUES (?, ?, ?, ?)'),
      trim: database.prepare(`DELETE FROM bootstrap_peer WHERE overlay_name = ? AND (host, port) NOT IN
        (SELECT host, port FROM bootstrap_peer WHERE overlay_name = ? ORDER BY last_seen DESC, host, port LIMIT ?)`),
      forget: database.prepare('DELETE FROM bootstrap_peer WHERE overlay_name = ? AND host = ? AND port = ?'),
    }
  }

  list(overlayName: string): readonly SocketAddress[] {
    return this.statements.list.all(overlayName, bootstrapCacheSize)
  }

  remember(overlayName: string, address: SocketAddress, at: number): void {
    this.database.transaction(() => {
      this.statements.put.run(overlayName, address.host, address.port, at)
      this.statements.trim.run(overlayName, overlayName, bootstrapCacheSize)
    })
  }

  forget(overlayName: string, address: SocketAddress): void {
    this.statements.forget.run(overlayName, address.host, address.port)
  }
}
