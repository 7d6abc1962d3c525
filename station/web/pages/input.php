<?php

/**
 * An input of a form.
 *
 * @var Station\View $this
 * @var Pegel\Field $field
 * @var string $input
 * @var string $label
 * @var string $value
 * @var string $about
 * @var string $error
 * @var string $attributes
 */

declare(strict_types=1);

use Pegel\Type;
use Station\Form;

$choices = Form::CHOICES[$field->name] ?? null;
?>
<div class="input<?= $field->type === Type::Bool ? ' box' : '' ?>">
<?php if ($choices !== null) : ?>
<fieldset class="choices"<?= $attributes ?>><legend><?= $this->e($label) ?></legend>
    <?php foreach ($choices as $choice) : ?>
  <label><input type="radio" name="<?= $input ?>" value="<?= $choice ?>"<?=
        $choice === $value ? ' checked' : '' ?>>
        <?= $this->e($this->texts->of($choice)) ?></label>
    <?php endforeach ?>
</fieldset>
<?php elseif ($field->type === Type::Bool) : ?>
<input type="hidden" name="boxes[]" value="<?= $input ?>">
<label><input type="checkbox" id="<?= $input ?>" name="<?= $input ?>" value="1"<?=
    $value === '' ? '' : ' checked' ?><?= $attributes ?>> <?= $this->e($label) ?></label>
<?php else : ?>
<label for="<?= $input ?>"><?= $this->e($label) ?></label>
<span class="field">
  <input id="<?= $input ?>" name="<?= $input ?>" value="<?= $this->e($value) ?>"
    autocomplete="off"<?=
    $field->type === Type::Text ? ' class="text"' : ' inputmode="decimal"' ?><?=
    $field->name === 'serial' ? ' inputmode="numeric" maxlength="12"' : '' ?><?=
    $field->name === 'timezone' ? ' list="zones"' : '' ?><?= $attributes ?>>
    <?php if ($field->unit !== '') : ?>
  <span class="unit"><?= $this->e($this->texts->unit($field->unit)) ?></span>
    <?php endif ?>
</span>
<?php endif ?>
<?php if ($about !== '' && $choices === null) : ?>
<p class="about" id="<?= $input ?>-about"><?= $this->e($about) ?></p>
<?php endif ?>
<?php if ($error !== '') : ?>
<p class="error" id="<?= $input ?>-error"><?= $this->e($error) ?></p>
<?php endif ?>
</div>
