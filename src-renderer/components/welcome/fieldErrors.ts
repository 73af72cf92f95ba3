/** Puts an error where it belongs: under the field that can mend it, else above the button. */
import { reactive, ref, type Ref } from 'vue'
import { useI18n } from 'vue-i18n'
import type { ErrorCode } from '@shared/errorCodes.ts'

export type Field = 'overlay' | 'userName' | 'code' | 'source'

const fields: Partial<Record<ErrorCode, Field>> = {
  'overlay-name-invalid': 'overlay', 'name-taken': 'userName', 'name-invalid': 'userName',
  'invitation-invalid': 'code', 'invitation-used': 'code', 'invitation-expired': 'code', 'invitation-required': 'code',
  'overlay-file-damaged': 'source',
}
export const fieldOf = (code: ErrorCode): Field | undefined => fields[code]

export interface FieldErrors {
  errors: Record<Field, string>
  /** the code of an error that belongs to no field shown */
  general: Ref<ErrorCode | ''>
  clear(field?: Field): void
  show(code: ErrorCode, field: Field | undefined): void
}

export function useFieldErrors(): FieldErrors {
  const { t } = useI18n()
  const errors = reactive<Record<Field, string>>({ overlay: '', userName: '', code: '', source: '' })
  const general = ref<ErrorCode | ''>('')
  return {
    errors, general,
    clear(field) {
      general.value = ''
      for (const name of field === undefined ? (Object.keys(errors) as Field[]) : [field]) errors[name] = ''
    },
    show(code, field) {
      if (field === undefined) general.value = code
      else errors[field] = `${t(`errors.${code}.what`)} ${t(`errors.${code}.do`)}`
    },
  }
}
