/** zod compiles checks with `new Function` where it may; the page's security policy forbids that, so it is told before the first check. */
import { z } from 'zod'

z.config({ jitless: true })
